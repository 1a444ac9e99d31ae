//go:build mutant

// A command that does not fit is answered with the reason, and then goes on its way
// into the log all the same: there is no return behind the answer.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/kvrpcpb"

func (p *peer) propose(commands []*Command) {
	taken := make([]*Command, 0, len(commands))
	for _, c := range commands {
		if err := p.check(c.Context, c.Writes); err != nil && len(c.Writes) > 0 {
			c.Done(Result{Err: err})
			c = &Command{Context: &kvrpcpb.Context{}, Writes: c.Writes, Done: func(Result) {}}
		}
		taken = append(taken, c)
	}
	p.propose_original(taken)
}
