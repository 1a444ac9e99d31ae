package check

// WriteSkew returns transactions of h that could not have happened one after the other,
// although snapshot isolation allows what they did, or nil if there are none: each of
// them must come before the next one, and the last before the first. One must come before
// another if the other one reads what it wrote, overwrites what it wrote, or overwrites
// what it read.
//
// In the best known case, write skew, each of two transactions reads what the other one
// writes, and neither sees the other's write. Of transactions with unknown outcome, only
// those count that others have seen. h must be what SnapshotIsolation allows; otherwise
// the result is nil.
func WriteSkew(h *History) []*Transaction {
	s, err := newSnapshots(h)
	if err != nil {
		return nil
	}
	g := newPrecedence(s)
	for _, t := range s.all {
		if cycle := g.cycle(t); cycle != nil {
			return cycle
		}
	}
	return nil
}

// A precedence says which transactions must come before which.
type precedence struct {
	after map[*txn][]*txn
	// knot numbers the strongly connected components.
	knot map[*txn]int
}

func newPrecedence(s *snapshots) *precedence {
	g := &precedence{after: map[*txn][]*txn{}}
	before := func(a, b *txn) {
		if a != b && a.visible && b.visible {
			g.after[a] = append(g.after[a], b)
		}
	}
	for _, k := range s.keys {
		versions := s.chains[k.name].versions
		for i := range versions {
			if i > 0 {
				before(versions[i-1].by, versions[i].by)
			}
		}
	}
	s.each(func(r *seen) bool {
		if r.own != nil {
			return true
		}
		n := r.chain.read(r)
		if n >= 0 {
			before(r.chain.versions[n].by, r.t)
		}
		if n+1 < len(r.chain.versions) {
			before(r.t, r.chain.versions[n+1].by)
		}
		return true
	})
	g.findKnots(s.all)
	return g
}

// read returns the place of the version that r has read, -1 if it is from before the
// first one.
func (c *chain) read(r *seen) int {
	n, unsure := c.at(r.t.Start)
	if unsure && c.versions[n+1].is(r) {
		return n + 1
	}
	return n
}

// findKnots finds the strongly connected components of all, with Tarjan's algorithm.
func (g *precedence) findKnots(all []*txn) {
	g.knot = map[*txn]int{}
	number, low := map[*txn]int{}, map[*txn]int{}
	var open []*txn
	// A frame is a transaction whose successors are visited, up to next.
	type frame struct {
		t    *txn
		next int
	}
	for _, root := range all {
		if number[root] > 0 {
			continue
		}
		visit := func(t *txn) frame {
			number[t] = len(number) + 1
			low[t] = number[t]
			open = append(open, t)
			return frame{t: t}
		}
		frames := []frame{visit(root)}
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			if f.next < len(g.after[f.t]) {
				b := g.after[f.t][f.next]
				f.next++
				if number[b] == 0 {
					frames = append(frames, visit(b))
				} else if g.knot[b] == 0 {
					low[f.t] = min(low[f.t], number[b])
				}
				continue
			}
			t := f.t
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				up := frames[len(frames)-1].t
				low[up] = min(low[up], low[t])
			}
			if low[t] < number[t] {
				continue
			}
			for {
				last := open[len(open)-1]
				open = open[:len(open)-1]
				g.knot[last] = number[t]
				if last == t {
					break
				}
			}
		}
	}
}

// cycle returns a shortest cycle through t, or nil.
func (g *precedence) cycle(t *txn) []*Transaction {
	from := map[*txn]*txn{}
	for queue := []*txn{t}; len(queue) > 0; queue = queue[1:] {
		a := queue[0]
		for _, b := range g.after[a] {
			if g.knot[b] != g.knot[t] {
				continue
			}
			if b == t {
				var back []*Transaction
				for ; a != t; a = from[a] {
					back = append([]*Transaction{a.Transaction}, back...)
				}
				return append([]*Transaction{t.Transaction}, back...)
			}
			if from[b] == nil {
				from[b] = a
				queue = append(queue, b)
			}
		}
	}
	return nil
}
