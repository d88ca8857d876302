package indexer

// The kinds of a route.
const (
	KindSnapshot = "snapshot" // Docker Hub snapshots, kept in history
	KindDocument = "document" // any other JSON objects, passed through the journal
)

// The values of Route.Untimed.
const (
	UntimedRefuse  = "refuse"
	UntimedReceipt = "receipt"
	UntimedStamp   = "stamp"
)

// The values of Route.Payload.
const (
	PayloadObject = "object"
	PayloadValue  = "value"
)

// Config is the section "indexer" of the configuration.
type Config struct {
	OpenSearch    ClusterConfig       `koanf:"opensearch"`
	Elasticsearch ElasticsearchConfig `koanf:"elasticsearch"`
	// Concurrency is how many bulk requests may be under way for each log.
	Concurrency int `koanf:"concurrency"`
	// BatchSize is the most documents, BatchBytes about the most bytes, of one
	// bulk request.
	BatchSize  int   `koanf:"batch_size"`
	BatchBytes int64 `koanf:"batch_bytes"`
	// JournalMaxBytes bounds the journal; at the bound no more documents are taken
	// from the broker until a sink has caught up.
	JournalMaxBytes int64 `koanf:"journal_max_bytes"`
	// Routes are tried in order, the first match wins.
	Routes []Route `koanf:"routes"`
}

// Route says what becomes of the messages of a topic.
type Route struct {
	// Topic is an MQTT topic filter, in which {name} stands for one level that becomes a
	// field of that name.
	Topic string `koanf:"topic"`
	// Kind is "snapshot" or "document".
	Kind string `koanf:"kind"`
	// Payload says what payloads are: "object" (also when empty), JSON objects and nothing
	// else, or "value", of which others are wrapped as {"value": …}. Documents only.
	Payload string `koanf:"payload"`
	// Index is an index name in which {Y}, {m} and {d} stand for the date, in UTC.
	Index string `koanf:"index"`
	// ID says what makes a document unique: "position" (each message is one),
	// "content", or "fields(a, b)". Documents only; snapshots have their own.
	ID string `koanf:"id"`
	// TimeField is the field with the document's time; without it the time of
	// receipt serves.
	TimeField string `koanf:"time_field"`
	// Untimed says what becomes of a document without a readable time in TimeField:
	// "refuse" (also when empty), a dead letter; "receipt", one that is dated by its
	// receipt and has the id of its position; or "stamp", the same with the time of
	// receipt written into TimeField, where there is none yet.
	Untimed string `koanf:"untimed"`
	// Body is the settings and mappings of a new index, as JSON; BodyFile is a file of it.
	Body     string `koanf:"body"`
	BodyFile string `koanf:"body_file"`
	// Keep is how old documents get, as ParseAge reads it; whole indices are deleted.
	// Empty and "0" keep them for ever.
	Keep string `koanf:"keep"`
}

// DefaultConfig is the section as it is without any configuration: no sink, and no
// route but the one for our own snapshots.
func DefaultConfig() Config {
	return Config{
		OpenSearch:      defaultCluster(),
		Elasticsearch:   ElasticsearchConfig{ClusterConfig: defaultCluster()},
		Concurrency:     4,
		BatchSize:       1000,
		BatchBytes:      5 << 20,
		JournalMaxBytes: 1 << 30,
	}
}
