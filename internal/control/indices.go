package control

import "context"

// Indices is what the daemon has to know of the indices of its sinks.
type Indices interface {
	// ForgetIndices says that indices of a sink were deleted, so that each is made with its
	// settings and mappings again before the next write to it.
	ForgetIndices(ctx context.Context, sink string, indices []string) error
}

// forgetRequest is the wire of POST /indices/forget.
type forgetRequest struct {
	Sink    string   `json:"sink"`
	Indices []string `json:"indices"`
}
