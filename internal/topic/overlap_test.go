package topic

import "testing"

func TestOverlap(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"a filter overlaps itself", "a/b", "a/b", true},
		{"different topics do not", "a/b", "a/c", false},
		{"different lengths do not", "a/b", "a/b/c", false},
		{"a hash overlaps all below it", "a/#", "a/b/c", true},
		{"a hash overlaps its own level", "a/#", "a", true},
		{"a plus meets a hash", "+/b", "a/#", true},
		{"wildcards that cross meet in one topic", "+/b", "a/+", true},
		{"wildcards of different lengths do not", "+/+", "a/+/c", false},
		{"the group of a shared subscription is passed over", "$share/g/a/#", "a/b", true},
		{"the broker's own topics are not part of a hash", "#", "$SYS/x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Overlap(tt.a, tt.b); got != tt.want {
				t.Errorf("Overlap(%q, %q) = %v", tt.a, tt.b, got)
			}
			if got := Overlap(tt.b, tt.a); got != tt.want {
				t.Errorf("Overlap(%q, %q) = %v", tt.b, tt.a, got)
			}
		})
	}
}
