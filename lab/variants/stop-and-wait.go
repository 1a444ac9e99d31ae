//go:build variant

// The leader sends a follower one append at a time, and waits for its answer, or
// for a sign of life, before it sends the next. Pipelining is an optimization
// (thesis §10.2.1); a leader that sends RPC after RPC is the one of Figure 2.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err == nil {
		r.maxInflight = 1
	}
	return r, err
}

func (r *Raft) lacksAppend(p *Progress) bool {
	return p.inflight.len() == 0 && r.lacksAppend_original(p)
}
