package broker

import "sync"

// handover lets one connection at a time begin or end a session under one client id. mochi
// would take a new connection for the old one that is just ending, and forget it.
type handover struct {
	mu    sync.Mutex
	doors map[string]*doorway // by client id
}

type doorway struct {
	sync.Mutex
	users int // that are in it or wait for it
}

func newHandover() *handover { return &handover{doors: map[string]*doorway{}} }

// take waits until nobody else begins or ends a session under the client id, and gives
// what ends that.
func (h *handover) take(id string) (give func()) {
	d := h.use(id)
	d.Lock()
	return func() {
		d.Unlock()
		h.mu.Lock()
		defer h.mu.Unlock()
		if d.users--; d.users == 0 {
			delete(h.doors, id)
		}
	}
}

func (h *handover) use(id string) *doorway {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.doors[id]
	if d == nil {
		d = &doorway{}
		h.doors[id] = d
	}
	d.users++
	return d
}
