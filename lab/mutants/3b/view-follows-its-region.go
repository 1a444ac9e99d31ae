//go:build mutant

// A view asks its peer for the region whenever it is used. After a split it no
// longer shows the keys of the right half.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

// A followingView is a view of the region as it is, not as it was.
type followingView struct {
	engine.Snapshot
	p *peer
}

func (v *followingView) Get(cf engine.CF, key []byte) ([]byte, bool, error) {
	return (&view{v.Snapshot, v.p.region(), 0}).Get(cf, key)
}

func (v *followingView) Iterate(cf engine.CF, within engine.Range) (engine.Iterator, error) {
	return (&view{v.Snapshot, v.p.region(), 0}).Iterate(cf, within)
}

func (p *peer) serve(r *Read) {
	done := r.Done
	p.serve_original(&Read{Context: r.Context, Done: func(s engine.Snapshot, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		done(&followingView{s, p}, nil)
	}})
}
