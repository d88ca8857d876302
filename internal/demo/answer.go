package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"pulltrail/internal/hub"
)

// answer is what Docker Hub says of a repository, in its order.
type answer struct {
	User              string          `json:"user"`
	Name              string          `json:"name"`
	Namespace         string          `json:"namespace"`
	RepositoryType    string          `json:"repository_type"`
	Status            int             `json:"status"`
	StatusDescription string          `json:"status_description"`
	Description       string          `json:"description"`
	IsPrivate         bool            `json:"is_private"`
	IsAutomated       bool            `json:"is_automated"`
	StarCount         int64           `json:"star_count"`
	PullCount         int64           `json:"pull_count"`
	LastUpdated       time.Time       `json:"last_updated"`
	LastModified      time.Time       `json:"last_modified"`
	DateRegistered    time.Time       `json:"date_registered"`
	CollaboratorCount int             `json:"collaborator_count"`
	Affiliation       *string         `json:"affiliation"`
	HubUser           string          `json:"hub_user"`
	HasStarred        bool            `json:"has_starred"`
	FullDescription   string          `json:"full_description"`
	Permissions       map[string]bool `json:"permissions"`
	MediaTypes        []string        `json:"media_types"`
	ContentTypes      []string        `json:"content_types"`
	Categories        []string        `json:"categories"`
	ImmutableTags     immutableTags   `json:"immutable_tags_settings"`
	StorageSize       int64           `json:"storage_size"`
	Source            *string         `json:"source"`
}

type immutableTags struct {
	Enabled bool     `json:"enabled"`
	Rules   []string `json:"rules"`
}

// Answer is the body for a repository at a time; false where there is none.
func (w *World) Answer(name hub.Repository, at time.Time) ([]byte, bool) {
	r := w.find(name, at)
	if r == nil {
		return nil, false
	}
	_, pushed := r.lastPush(at)
	return encode(answer{
		User: r.Namespace, Name: r.Name, Namespace: r.Namespace, HubUser: r.Namespace,
		RepositoryType: "image", Status: 1, StatusDescription: "active",
		Description:     r.description,
		FullDescription: fmt.Sprintf("# %s\n\n%s\n\nThis repository is simulated.\n", r.Name, r.description),
		StarCount:       r.starCount(at), PullCount: r.pullCount(at), StorageSize: r.storageSize(at),
		LastUpdated: pushed, LastModified: r.registeredAt().Add(time.Hour), DateRegistered: r.registeredAt(),
		Permissions:   map[string]bool{"read": true, "write": false, "admin": false},
		MediaTypes:    []string{"application/vnd.oci.image.index.v1+json"},
		ContentTypes:  []string{"image"},
		Categories:    []string{},
		ImmutableTags: immutableTags{Rules: []string{".*"}},
	}), true
}

// notFound is how Docker Hub says that it knows none.
type notFound struct {
	Message string            `json:"message"`
	Info    map[string]string `json:"errinfo"`
}

func encode(what any) []byte {
	body, err := json.Marshal(what)
	if err != nil {
		panic(err) // there is nothing in it that JSON does not know
	}
	return body
}

// Handler answers as Docker Hub does for single repositories, at the time that now
// tells.
func (w *World) Handler(now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	one := func(out http.ResponseWriter, r *http.Request) {
		name, at := hub.Repository{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}, now()
		body, ok := w.Answer(name, at)
		status := http.StatusOK
		if !ok {
			status = http.StatusNotFound
			body = encode(notFound{"httperror 404: object not found", map[string]string{"namespace": name.Namespace, "repository": name.Name}})
		}
		send(out, status, at, body)
	}
	mux.HandleFunc("GET /v2/repositories/{namespace}/{name}", one)
	mux.HandleFunc("GET /v2/repositories/{namespace}/{name}/{$}", one)
	mux.HandleFunc("/", func(out http.ResponseWriter, _ *http.Request) {
		send(out, http.StatusNotFound, now(), encode(notFound{Message: "httperror 404: the demo has single repositories only"}))
	})
	return mux
}

func send(w http.ResponseWriter, status int, at time.Time, body []byte) {
	w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that has gone needs no answer
}
