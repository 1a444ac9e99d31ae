package raft_test

import (
	"fmt"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A group of three nodes in one process: the first is elected, takes a proposal,
// and all three apply it.
func Example() {
	nodes := map[uint64]*raft.RawNode{}
	storages := map[uint64]*raft.MemoryStorage{}
	for id := uint64(1); id <= 3; id++ {
		storages[id] = raft.NewMemoryStorage(1, 2, 3)
		n, err := raft.NewRawNode(&raft.Config{
			ID:            id,
			ElectionTick:  10,
			HeartbeatTick: 1,
			Storage:       storages[id],
			RandIntN:      func(n int) int { return 0 }, // a real one uses rand.IntN
		})
		if err != nil {
			panic(err)
		}
		nodes[id] = n
	}

	// handle does what every node wants done, until none wants anything.
	handle := func() {
		for busy := true; busy; {
			busy = false
			for id := uint64(1); id <= 3; id++ {
				for n := nodes[id]; n.HasReady(); busy = true {
					rd := n.Ready()
					if rd.HardState != nil {
						storages[id].SetHardState(rd.HardState)
					}
					if err := storages[id].Append(rd.Entries); err != nil {
						panic(err)
					}
					for _, m := range rd.Messages {
						if err := nodes[m.To].Step(m); err != nil {
							panic(err)
						}
					}
					for _, e := range rd.CommittedEntries {
						if e.EntryType == pb.EntryType_EntryNormal && len(e.Data) > 0 {
							fmt.Printf("node %d applies %q at index %d\n", id, e.Data, e.Index)
						}
					}
					n.Advance(rd)
				}
			}
		}
	}

	if err := nodes[1].Campaign(); err != nil {
		panic(err)
	}
	handle()
	fmt.Println("node 1 is", nodes[1].Status().RaftState)
	if _, _, err := nodes[1].Propose([]byte("hello")); err != nil {
		panic(err)
	}
	handle()
	// Output:
	// node 1 is leader
	// node 1 applies "hello" at index 2
	// node 2 applies "hello" at index 2
	// node 3 applies "hello" at index 2
}
