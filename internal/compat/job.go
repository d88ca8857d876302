package compat

import (
	"net"
	"strconv"
	"strings"
)

// The job's other variables.
const (
	varServer         = "MQTT_SERVER"
	varPort           = "MQTT_PORT"
	varTLS            = "MQTT_TLS_enabled"
	varCA             = "MQTT_CACERT_FILE"
	varNoHostname     = "MQTT_TLS_no_hostname_validation"
	varUser           = "MQTT_USER"
	varPassword       = "MQTT_PASSWORD"
	varPasswordFile   = "MQTT_PASSWORD_FILE"
	varRetain         = "MQTT_RETAIN"
	varTopicExtension = "MQTT_TOPIC_REPO_EXTENSION"
)

const defaultPort = 1883

// jobWords are what the job calls our keys.
var jobWords = map[string]string{
	"collector.repositories": varRepositories,
	"mqtt.url":               varServer,
	"mqtt.username":          varUser, "mqtt.password": varPassword, "mqtt.password_file": varPasswordFile,
	"mqtt.topic": varTopic, "mqtt.topic_per_repository": varTopicExtension, "mqtt.retain": varRetain,
	"mqtt.tls": varTLS, "mqtt.tls.ca_file": varCA, "mqtt.tls.skip_hostname_verify": varNoHostname,
}

// job reads the job's environment. An empty variable is one that is not set, but for
// the two that are mandatory.
func (f *Found) job(env map[string]string) {
	for path, name := range jobWords {
		f.words[path] = Name{Key: name}
	}
	secure := f.boolean(env, varTLS)
	f.jobBroker(env, secure)
	f.jobTLS(env, secure)
	f.jobUser(env)
	f.jobTopic(env)
	f.set("mqtt.retain", f.boolean(env, varRetain), Name{Key: varRetain})
	f.jobRepositories(env[varRepositories])
}

func (f *Found) boolean(env map[string]string, name string) bool {
	switch value := strings.TrimSpace(env[name]); strings.ToLower(value) {
	case "true", "yes", "1":
		return true
	case "", "false", "no", "0":
	default:
		f.wrong(Name{Key: name}, value, "must be true, false, yes, no, 1 or 0")
	}
	return false
}

func (f *Found) jobBroker(env map[string]string, secure bool) {
	server, port := strings.TrimSpace(env[varServer]), defaultPort
	if server == "" {
		server = "localhost"
	}
	if text := strings.TrimSpace(env[varPort]); text != "" {
		var err error
		if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			f.wrong(Name{Key: varPort}, text, "must be a port, a whole number from 1 to 65535")
			port = defaultPort
		}
	}
	f.broker(server, port, secure, Name{Key: varServer}, Name{Key: varPort}, Name{Key: varTLS})
}

// broker sets the URL of the broker.
func (f *Found) broker(host string, port int, secure bool, names ...Name) {
	if strings.ContainsAny(host, "/@") || strings.ContainsAny(host, " \t\r\n") {
		f.wrong(names[0], nil, "must be the name or the address of a host and nothing else, such as broker.example.com")
		return
	}
	scheme := "mqtt://"
	if secure {
		scheme = "mqtts://"
	}
	f.set("mqtt.url", scheme+net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port)), names...)
}

func (f *Found) jobTLS(env map[string]string, secure bool) {
	ca, skip := strings.TrimSpace(env[varCA]), f.boolean(env, varNoHostname)
	switch {
	case secure:
		if ca != "" {
			f.set("mqtt.tls.ca_file", ca, Name{Key: varCA})
		}
		if skip {
			f.set("mqtt.tls.skip_hostname_verify", true, Name{Key: varNoHostname})
		}
	case ca != "":
		f.note("%s has no effect, because %s is not true: the connection to the broker is not encrypted", varCA, varTLS)
	}
}

func (f *Found) jobUser(env map[string]string) {
	if user := env[varUser]; user != "" {
		f.set("mqtt.username", user, Name{Key: varUser})
	}
	file, password := strings.TrimSpace(env[varPasswordFile]), env[varPassword]
	switch {
	case file != "":
		f.set("mqtt.password_file", file, Name{Key: varPasswordFile})
		if password != "" {
			f.note("%s counts and %s is passed over, as in dockerhubstats2mqtt", varPasswordFile, varPassword)
		}
	case password != "":
		f.set("mqtt.password", password, Name{Key: varPassword})
	}
}

// jobTopic sets the topic. With the repository behind it, the job makes one slash of
// several.
func (f *Found) jobTopic(env map[string]string) {
	topic, extended := strings.TrimSpace(env[varTopic]), f.boolean(env, varTopicExtension)
	if topic == "" {
		f.wrong(Name{Key: varTopic}, nil, "is mandatory: write the topic to publish to, such as com/docker/hub/repositories/metrics")
		return
	}
	if extended {
		for strings.Contains(topic, "//") {
			topic = strings.ReplaceAll(topic, "//", "/")
		}
		topic = strings.TrimSuffix(topic, "/")
	}
	f.set("mqtt.topic", topic, Name{Key: varTopic})
	f.set("mqtt.topic_per_repository", extended, Name{Key: varTopicExtension})
}

func (f *Found) jobRepositories(text string) {
	repositories := strings.Fields(text)
	if len(repositories) == 0 {
		f.wrong(Name{Key: varRepositories}, nil, "is mandatory: write repositories as namespace/name, with white space in between")
		return
	}
	f.set("collector.repositories", repositories, Name{Key: varRepositories})
}
