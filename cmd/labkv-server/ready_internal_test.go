package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/metapb"
)

// A store is ready while more than half of its peers are well.
func TestMostAreWell(t *testing.T) {
	peer := func(id, lead uint64, installing bool) raftstore.Inspection {
		var i raftstore.Inspection
		i.Region, i.Lead, i.Installing = &metapb.Region{Id: id}, lead, installing
		return i
	}
	well, electing, installing := peer(1, 7, false), peer(2, 0, false), peer(3, 7, true)
	for _, c := range []struct {
		peers []raftstore.Inspection
		why   string // empty: it is ready
	}{
		{nil, ""},
		{[]raftstore.Inspection{well}, ""},
		{[]raftstore.Inspection{electing}, "region 2 has no leader that this store knows"},
		{[]raftstore.Inspection{installing}, "region 3 is being installed from a snapshot"},
		{[]raftstore.Inspection{well, electing}, "region 2 has no leader that this store knows"},
		{[]raftstore.Inspection{well, electing, well}, ""},
		{[]raftstore.Inspection{well, installing, electing}, "2 of 3 regions cannot be used here: region 3 is being installed from a snapshot, for example"},
		{[]raftstore.Inspection{well, installing, electing, well, well}, ""},
	} {
		if err := mostAreWell(c.peers); c.why == "" {
			require.NoError(t, err, "%v", c.peers)
		} else {
			require.EqualError(t, err, c.why)
		}
	}
}
