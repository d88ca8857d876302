package search

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// nodePause is how long a failed node is asked only after all others have failed too.
// Until then a node that does not even refuse a connection costs one request dialTimeout.
const nodePause = 30 * time.Second

// nodes chooses the node of a request: in turn, failed ones last. The choice is ours,
// because those of the two official clients retry a failed node after a minute or more,
// also when the failed nodes are all there are.
type nodes struct {
	all []*node

	mu   sync.Mutex
	turn int
}

// node is one node of a cluster.
type node struct {
	transport
	failedAt time.Time // zero: its last request was answered
}

func newNodes(transports []transport) *nodes {
	n := &nodes{}
	for _, t := range transports {
		n.all = append(n.all, &node{transport: t})
	}
	return n
}

// order is the order in which one request tries the nodes.
func (n *nodes) order() []*node {
	n.mu.Lock()
	defer n.mu.Unlock()
	start := n.turn % len(n.all)
	n.turn = start + 1
	order := slices.Concat(n.all[start:], n.all[:start])
	var healthy, failed []*node
	for _, node := range order {
		if time.Since(node.failedAt) < nodePause {
			failed = append(failed, node)
			continue
		}
		if !node.failedAt.IsZero() {
			node.failedAt = time.Now() // this request alone finds out whether it is back
		}
		healthy = append(healthy, node)
	}
	slices.SortStableFunc(failed, func(a, b *node) int { return a.failedAt.Compare(b.failedAt) })
	return append(healthy, failed...)
}

// answered records what became of a request to a node.
func (n *nodes) answered(by *node, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if by.failedAt = (time.Time{}); !ok {
		by.failedAt = time.Now()
	}
}

// Close ends the connections to all nodes.
func (n *nodes) Close() error {
	var errs []error
	for _, node := range n.all {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}

// ofNode reports whether an error may be that of one node alone: no answer, or one that
// says that the node, or the proxy before it, is not part of a working cluster.
func ofNode(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case 0:
		return e.Class == Unreachable
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
