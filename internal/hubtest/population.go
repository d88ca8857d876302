package hubtest

import (
	"fmt"
	"hash/fnv"
	"iter"
	"strconv"
	"strings"

	"pulltrail/internal/hub"
)

// population is a number of repositories that are made up as they are asked for.
type population struct {
	namespaces, perNamespace int
	ticks                    int64
}

// The prefixes of the population's names, and the fewest digits behind them.
const (
	namespacePrefix, namespaceDigits = "ns-", 3
	namePrefix, nameDigits           = "repo-", 5
)

// Populate makes this many namespaces with this many public repositories each, from
// ns-000/repo-00000 on, in place of those that an earlier call has made. None of
// them takes memory of its own.
func (h *Hub) Populate(namespaces, perNamespace int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.catalog.population.namespaces = namespaces
	h.catalog.population.perNamespace = perNamespace
	clear(h.catalog.sorted)
}

// Tick lets the pull counts of the population grow: each by its own step, which is 0
// for about one repository in four.
func (h *Hub) Tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.catalog.population.ticks++
}

// Pulls is the present pull count of a repository of the population. It follows from
// the name and the number of Ticks alone.
func (h *Hub) Pulls(repository string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.catalog.population.pulls(repository)
}

// Populated are the names ("namespace/name") of the population in order, those that
// were Removed included.
func (h *Hub) Populated() iter.Seq[string] {
	h.mu.Lock()
	p := h.catalog.population
	h.mu.Unlock()
	return func(yield func(string) bool) {
		for i := range p.namespaces {
			namespace := numbered(namespacePrefix, namespaceDigits, i, p.namespaces)
			for j := range p.perNamespace {
				if !yield(namespace + "/" + p.name(j)) {
					return
				}
			}
		}
	}
}

// numbered is the name of number i of n, with as many digits as the last one needs.
func numbered(prefix string, digits, i, n int) string {
	return fmt.Sprintf("%s%0*d", prefix, max(digits, len(strconv.Itoa(n-1))), i)
}

// isNumbered reports whether numbered makes this name of one of n.
func isNumbered(name, prefix string, digits, n int) bool {
	text, found := strings.CutPrefix(name, prefix)
	i, err := strconv.Atoi(text)
	return found && err == nil && 0 <= i && i < n && numbered(prefix, digits, i, n) == name
}

// name is the name of the i-th repository of each namespace.
func (p population) name(i int) string {
	return numbered(namePrefix, nameDigits, i, p.perNamespace)
}

// size is how many repositories a namespace has by population.
func (p population) size(namespace string) int {
	if !isNumbered(namespace, namespacePrefix, namespaceDigits, p.namespaces) {
		return 0
	}
	return p.perNamespace
}

// detail is the answer for a repository; nil for one that is not of the population.
func (p population) detail(namespace, name string) []byte {
	if !isNumbered(name, namePrefix, nameDigits, p.size(namespace)) {
		return nil
	}
	r := hub.Repository{Namespace: namespace, Name: name}
	return render(wholeDetail, r, p.pulls(r.String()), false)
}

func (p population) row(namespace, name string) []byte {
	r := hub.Repository{Namespace: namespace, Name: name}
	return render(wholeRow, r, p.pulls(r.String()), false)
}

// pulls starts below a million, for about one repository in a thousand above 2^32, and
// grows by at most 499 with each tick.
func (p population) pulls(repository string) int64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(repository)) // it never fails
	h := int64(sum.Sum64() >> 1)
	start, step := h%1_000_000, h>>20%500
	if h>>30%1000 == 0 {
		start += 1 << 32
	}
	if h>>40%4 == 0 {
		step = 0
	}
	return start + p.ticks*step
}
