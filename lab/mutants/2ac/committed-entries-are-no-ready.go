//go:build mutant

// HasReady looks at messages, at unsaved entries and at changed states, and not
// at committed entries that wait to be applied: something else, the thinking
// goes, always changes along with them. Not so after a restart, or when one Ready
// could not hold them all: then they wait until something unrelated happens.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) HasReady() bool {
	r := rn.raft
	return len(r.msgs) > 0 || r.lacksAppends() ||
		r.log.stable < r.log.LastIndex() ||
		r.log.snapshot != nil ||
		r.hardState() != rn.hard ||
		r.softState() != rn.soft
}
