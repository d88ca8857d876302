// Package access says who asks.
package access

import "context"

// Visitor is who asks.
type Visitor struct {
	// Name is the user's; empty for a stranger.
	Name string
	// Authenticated visitors see private repositories too.
	Authenticated bool
	// MayAct says that they may do more than read.
	MayAct bool
}

type key struct{}

// Of is the visitor of a request; a stranger where nothing is known.
func Of(ctx context.Context) Visitor {
	v, _ := ctx.Value(key{}).(Visitor)
	return v
}

// With is ctx with the visitor v.
func With(ctx context.Context, v Visitor) context.Context {
	return context.WithValue(ctx, key{}, v)
}
