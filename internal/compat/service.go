package compat

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// serviceWords are what the service calls our keys.
var serviceWords = map[string]string{
	"log.level": "DEBUG",
	"mqtt.url":  "mqtt.server", "mqtt.client_id": "mqtt.client_id", "mqtt.username": "mqtt.user", "mqtt.password": "mqtt.password",
	"mqtt.tls": "mqtt.tls", "mqtt.tls.skip_hostname_verify": "mqtt.hostname_validation", "mqtt.version": "mqtt.protocol_version",
	"indexer.opensearch.urls": "opensearch.hosts", "indexer.opensearch.username": "opensearch.username", "indexer.opensearch.password": "opensearch.password",
	"indexer.opensearch.tls": "opensearch.tls", "indexer.opensearch.tls.ca_file": "opensearch.ca_certs_path",
	"indexer.opensearch.tls.insecure_skip_verify": "opensearch.verify_certs",
	"indexer.elasticsearch.urls":                  "elasticsearch.cluster", "indexer.elasticsearch.api_key": "elasticsearch.api_key",
}

// service reads the service's files. Without the job beside it, nothing is collected
// here, and only what the mapping names is subscribed to.
func (f *Found) service(keepMappings bool) {
	for path, key := range serviceWords {
		if _, taken := f.words[path]; !taken {
			f.words[path] = Name{f.ConfigFile, key}
		}
	}
	if config, ok := f.read(f.ConfigFile, ConfigVariable); ok {
		f.connections(config)
	}
	file := Name{Key: f.MappingFile}
	if !f.Job {
		f.set("mode", "indexer", file)
	}
	mapping, ok := f.read(f.MappingFile, MappingVariable)
	if !ok {
		return
	}
	own := f.ownTopic()
	if !f.Job {
		f.set("mqtt.topic", "", file)
	}
	f.mapping(mapping, own+"/#", keepMappings)
}

// ownTopic is the job's, under which its snapshots come.
func (f *Found) ownTopic() string {
	for _, s := range f.Settings {
		if topic, ok := s.Value.(string); ok && s.Path == "mqtt.topic" {
			return topic
		}
	}
	return defaultOwn
}

func (f *Found) connections(s section) {
	if s.boolean("DEBUG", false) {
		f.set("log.level", "debug", s.name("DEBUG"))
	}
	if s.boolean("removeIndex", false) {
		f.wrong(s.name("removeIndex"), true, "would delete every index of the mapping; a daemon does not do that at a start: set it to false, and delete indices "+
			"with the database's own tools or with pulltrail indices delete")
	}
	if broker, ok := s.section("mqtt"); ok {
		f.serviceBroker(broker)
	} else if !s.has("mqtt") {
		f.wrong(s.name("mqtt"), nil, "is missing: write the section with server and port of the broker")
	}
	f.database(s)
	s.rest()
}

func (f *Found) serviceBroker(s section) {
	host, port, secure := s.text("server"), s.port("port", defaultPort), s.boolean("tls", false)
	if host != "" {
		f.broker(host, port, secure, s.name("server"), s.name("port"), s.name("tls"))
	} else if !s.has("server") {
		f.wrong(s.name("server"), nil, "is missing: write the host of the broker")
	}
	if !s.boolean("hostname_validation", true) && secure {
		f.set("mqtt.tls.skip_hostname_verify", true, s.name("hostname_validation"))
	}
	f.text(s, "client_id", "mqtt.client_id")
	f.text(s, "user", "mqtt.username")
	f.text(s, "password", "mqtt.password")
	version := 3
	take(s, "protocol_version", "3 for MQTT 3.1.1 or 5, without quotes", &version)
	switch version {
	case 3:
		f.set("mqtt.version", "3.1.1", s.name("protocol_version"))
	case 5:
		f.set("mqtt.version", "5", s.name("protocol_version"))
	default:
		f.wrong(s.name("protocol_version"), version, "must be 3 for MQTT 3.1.1, or 5")
	}
	s.rest()
}

func (f *Found) database(s section) {
	elastic, hasElastic := s.section("elasticsearch")
	open, hasOpen := s.section("opensearch")
	switch {
	case hasElastic && hasOpen:
		f.wrong(s.name("opensearch"), nil, "stands beside elasticsearch: keep one of the two")
	case hasElastic:
		f.elasticsearch(elastic)
	case hasOpen:
		f.opensearch(open)
	case !s.has("elasticsearch") && !s.has("opensearch"):
		f.wrong(s.name("opensearch"), nil, "is missing, and elasticsearch too: write the section of one database")
	}
}

func (f *Found) elasticsearch(s section) {
	var cluster []string
	take(s, "cluster", `a list of URLs, such as ["https://elasticsearch:9200"]`, &cluster)
	if len(cluster) == 0 {
		f.wrong(s.name("cluster"), nil, "names no node: write a list of URLs, such as [\"https://elasticsearch:9200\"]")
		return
	}
	urls := make([]string, 0, len(cluster))
	for i, address := range cluster {
		name := Name{s.file, fmt.Sprintf("%s[%d]", s.name("cluster").Key, i)}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			f.wrong(name, nil, "must be a URL, such as https://elasticsearch:9200")
			continue
		}
		if u.User != nil {
			f.login("indexer.elasticsearch", u.User, name)
			u.User = nil
		}
		f.words[fmt.Sprintf("indexer.elasticsearch.urls[%d]", i)] = name
		urls = append(urls, strings.TrimSuffix(u.String(), "/"))
	}
	f.set("indexer.elasticsearch.urls", urls, s.name("cluster"))
	f.apiKey(s)
	s.rest()
}

// text sets the key of ours at path to a text, where there is one.
func (f *Found) text(s section, key, path string) {
	if value := s.text(key); value != "" {
		f.set(path, value, s.name(key))
	}
}

// apiKey sets the key, which may be given as Elasticsearch encodes it, or as its id and
// the key itself.
func (f *Found) apiKey(s section) {
	var key string
	if raw := s.raw("api_key"); len(raw) > 0 && raw[0] == '[' {
		var pair []string
		if json.Unmarshal(raw, &pair) != nil || len(pair) != 2 {
			f.wrong(s.name("api_key"), nil, "must be text in quotes, or a list of two: the id and the key")
			return
		}
		key = base64.StdEncoding.EncodeToString([]byte(pair[0] + ":" + pair[1]))
	} else {
		key = s.text("api_key")
	}
	if key != "" {
		f.set("indexer.elasticsearch.api_key", key, s.name("api_key"))
	}
}

// login takes user and password out of a URL, where they would be logged.
func (f *Found) login(path string, user *url.Userinfo, name Name) {
	f.set(path+".username", user.Username(), name)
	if password, given := user.Password(); given {
		f.set(path+".password", password, name)
	}
}

func (f *Found) opensearch(s section) {
	scheme := "http://"
	if s.boolean("tls", false) {
		scheme = "https://"
	}
	f.openSearchHosts(s, scheme)
	f.text(s, "username", "indexer.opensearch.username")
	f.text(s, "password", "indexer.opensearch.password")
	ca, verify, said := s.text("ca_certs_path"), s.boolean("verify_certs", true), s.has("verify_certs")
	switch {
	case scheme == "http://":
		if ca != "" || said {
			f.note("%s: opensearch.ca_certs_path and opensearch.verify_certs have no effect, because opensearch.tls is not true", s.file)
		}
	case !verify:
		f.set("indexer.opensearch.tls.insecure_skip_verify", true, s.name("verify_certs"))
	case !said:
		f.note("%s: opensearch.verify_certs is not there, and the certificate is verified; mqtt2elasticsearch did not. Name its CA in opensearch.ca_certs_path, "+
			"or write false, which anybody in between can make use of", s.file)
	}
	if ca != "" && scheme == "https://" {
		f.set("indexer.opensearch.tls.ca_file", ca, s.name("ca_certs_path"))
	}
	s.rest()
}

func (f *Found) openSearchHosts(s section, scheme string) {
	var hosts []json.RawMessage
	take(s, "hosts", `a list of objects, such as [{"host": "opensearch", "port": 9200}]`, &hosts)
	if len(hosts) == 0 {
		f.wrong(s.name("hosts"), nil, `names no node: write a list of objects, such as [{"host": "opensearch", "port": 9200}]`)
		return
	}
	var urls []string
	for i, raw := range hosts {
		name := fmt.Sprintf("%s[%d]", s.name("hosts").Key, i)
		node, err := f.object(raw, s.file, name)
		if err != nil {
			f.wrong(Name{s.file, name}, nil, `must be an object, such as {"host": "opensearch", "port": 9200}: %v`, err)
			continue
		}
		host, port := node.text("host"), node.port("port", 9200)
		if host == "" || strings.ContainsAny(host, "/@ ") {
			f.wrong(node.name("host"), nil, "must be the name or the address of a host and nothing else")
		}
		node.rest()
		f.words[fmt.Sprintf("indexer.opensearch.urls[%d]", i)] = node.name("host")
		urls = append(urls, scheme+net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port)))
	}
	f.set("indexer.opensearch.urls", urls, s.name("hosts"), s.name("tls"))
}

func sorted(known map[string]bool) []string { return slices.Sorted(maps.Keys(known)) }
