// Package agenda keeps the events that are going to happen in a simulated run, in
// their order.
package agenda

// An Event is a pointer to something that happens before or after others. No two
// events of an agenda are equal in that order, so the order in which they were
// added never matters.
type Event[E any] interface {
	*E
	Before(other *E) bool
}

// An Agenda holds events: a heap with four children to a node, which is shallower
// than the usual one. The zero Agenda is empty.
type Agenda[E any, P Event[E]] struct{ heap []E }

// Len returns the number of events.
func (a *Agenda[E, P]) Len() int { return len(a.heap) }

// Add adds e.
func (a *Agenda[E, P]) Add(e E) {
	a.heap = append(a.heap, e)
	h := a.heap
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 4
		if !P(&h[i]).Before(&h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// Peek returns the first event. There must be one.
func (a *Agenda[E, P]) Peek() E { return a.heap[0] }

// Next removes the first event. There must be one.
func (a *Agenda[E, P]) Next() E {
	// Events are compared where they lie in the heap: the address of a
	// variable would put it into memory of its own, each time.
	first := a.heap[0]
	n := len(a.heap) - 1
	a.heap[0] = a.heap[n]
	var none E
	a.heap[n] = none
	a.heap = a.heap[:n]
	h := a.heap
	for i := 0; ; {
		least := 4*i + 1
		if least >= n {
			return first
		}
		for c, end := least+1, min(least+4, n); c < end; c++ {
			if P(&h[c]).Before(&h[least]) {
				least = c
			}
		}
		if !P(&h[least]).Before(&h[i]) {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
