package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/metapb"
)

func TestMembers(t *testing.T) {
	on := func(store, peer uint64) check.Replica { return check.Replica{Group: 7, Peer: peer, Store: store} }
	peers := func(of ...check.Replica) *metapb.Region {
		r := regionOf(7, "", "", 1, 1)
		for _, p := range of {
			r.Peers = append(r.Peers, &metapb.Peer{Id: p.Peer, StoreId: p.Store})
		}
		return r
	}
	a, b, again := on(1, 10), on(2, 11), on(1, 12)
	type step func(m *check.Members) error
	present := func(r check.Replica) step { return func(m *check.Members) error { return m.Present(r) } }
	applied := func(r check.Replica, now *metapb.Region) step {
		return func(m *check.Members) error { return m.Applied(r, now) }
	}
	votes := func(r check.Replica) step { return func(m *check.Members) error { return m.Votes(r) } }
	serves := func(r check.Replica) step { return func(m *check.Members) error { return m.Acts(r, "serves a read") } }
	gone := func(r check.Replica) step { return func(m *check.Members) error { m.Gone(r); return nil } }
	synced := func(m *check.Members) error { m.Synced(1); return nil }
	crash := func(m *check.Members) error { m.Start(1); return nil }
	both := peers(a, b)
	for name, c := range map[string]struct {
		steps []step
		rule  string // that the last step breaks, "" for none
	}{
		"members":                                {[]step{present(a), applied(a, both), present(b), applied(b, both), votes(a), serves(a)}, ""},
		"removed":                                {[]step{applied(a, both), votes(a), applied(a, peers(b)), present(a)}, ""},
		"removed, and votes":                     {[]step{applied(a, both), applied(a, peers(b)), votes(a)}, ""},
		"removed, and serves":                    {[]step{applied(a, both), serves(a), applied(a, peers(b)), serves(a)}, check.RuleNoSay},
		"removed, and does not know":             {[]step{applied(a, both), applied(b, peers(b)), serves(a)}, ""},
		"removed, but that was lost":             {[]step{applied(a, peers(b)), crash, applied(a, both), serves(a)}, ""},
		"without data yet":                       {[]step{present(again), applied(again, &metapb.Region{Id: 7}), votes(again)}, ""},
		"gone":                                   {[]step{present(a), gone(a), present(again), votes(again)}, ""},
		"gone, and votes":                        {[]step{present(a), gone(a), votes(a)}, check.RuleNoSay},
		"gone, and serves":                       {[]step{present(a), gone(a), serves(a)}, check.RuleNoSay},
		"comes back":                             {[]step{present(a), gone(a), present(a)}, check.RuleStaysGone},
		"an earlier one comes":                   {[]step{present(again), gone(again), present(a)}, check.RuleStaysGone},
		"gone, but that was lost":                {[]step{gone(a), crash, present(a)}, ""},
		"comes back after a crash":               {[]step{gone(a), synced, crash, present(a)}, check.RuleStaysGone},
		"two on a store":                         {[]step{applied(b, peers(a, b, again))}, check.RuleOnePeer},
		"another one on its store":               {[]step{applied(a, peers(b, again))}, check.RuleOnePeer},
		"one on two stores":                      {[]step{present(a), present(on(3, 10))}, check.RuleOnePeer},
		"one that is a member on another store":  {[]step{present(a), applied(b, peers(b, on(3, 10)))}, check.RuleOnePeer},
		"the same ids in another region's group": {[]step{present(a), present(check.Replica{Group: 8, Peer: 10, Store: 3})}, ""},
	} {
		m := check.NewMembers()
		for i, step := range c.steps {
			err := step(m)
			if i < len(c.steps)-1 || c.rule == "" {
				require.NoError(t, err, "%s, step %d", name, i)
				continue
			}
			require.Error(t, err, name)
			require.Equal(t, c.rule, err.(*check.Violation).Rule, "%s: %v", name, err)
		}
	}
}
