package provision

import (
	"encoding/json"
	"fmt"
	"strings"
)

// flat are settings as a cluster keeps them: one text or list for each path below
// "index".
func flat(settings map[string]any) map[string]any {
	paths := make(map[string]any)
	flatten(paths, "", settings)
	kept := make(map[string]any, len(paths))
	for path, value := range paths {
		if !strings.HasPrefix(path, "index.") {
			path = "index." + path
		}
		kept[path] = value
	}
	return kept
}

func flatten(into map[string]any, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if path != "" {
				key = path + "." + key
			}
			flatten(into, key, inner)
		}
	case []any:
		texts := make([]any, len(v))
		for i, one := range v {
			texts[i] = text(one)
		}
		into[path] = texts
	case nil: // what is not set
	default:
		into[path] = text(v)
	}
}

// text is a value as it stands in JSON, without quotes.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value) // which JSON has no word for, so it came from none
	}
	return string(encoded)
}

// spread writes the routing of aliases as the two that it stands for.
func spread(aliases map[string]map[string]any) {
	for _, alias := range aliases {
		routing, ok := alias["routing"]
		if !ok {
			continue
		}
		delete(alias, "routing")
		for _, key := range []string{"index_routing", "search_routing"} {
			if _, set := alias[key]; !set {
				alias[key] = routing
			}
		}
	}
}
