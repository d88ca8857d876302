package hub

import "encoding/json"

// Description is Docker Hub's one line about the repository; empty where the object
// has none. It is the words of a stranger: show it as text.
func (s Snapshot) Description() string {
	for _, f := range s.fields {
		var text string
		if f.Key == "description" && json.Unmarshal(f.Value, &text) == nil {
			return text
		}
	}
	return ""
}
