package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"github.com/labkv/labkv/kv/raftstore"
)

// A snapshot replaces a log that is longer than the snapshot. The crash comes when
// the data are there, and the old log is not gone yet, or gone without a trace.
func TestCrashBeforeLongerLogIsDropped(t *testing.T) {
	for name, keep := range map[string]int{"loses the unsynced": 0, "keeps the unsynced": memory.All} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1, 3)
			old := c.leader()
			c.drops = func(m *raftserverpb.RaftMessage) bool {
				return m.FromPeer.StoreId == old || m.ToPeer.StoreId == old
			}
			for i := range 300 {
				c.stores[old].Submit(&raftstore.Command{
					Context: &kvrpcpb.Context{RegionId: 1},
					Writes:  []*raftserverpb.Write{put(fmt.Sprintf("lost%03d", i), "x")},
					Done:    func(raftstore.Result) {},
				})
			}
			c.tick(40)
			for i := range 150 {
				written := false
				for _, id := range c.ids {
					if id != old && !written {
						r := c.do(id, put(fmt.Sprintf("kept%03d", i), "x"))
						written = r != nil && r.Err == nil
					}
				}
				require.True(t, written, "write %d", i)
			}
			c.tick(10)
			c.drops = func(*raftserverpb.RaftMessage) bool { return false }

			status := func() raftstore.Status {
				s, _ := c.stores[old].Status(1)
				return s
			}
			for n := 0; !status().Restoring; n++ {
				require.Less(t, n, 1000, "no snapshot is installed")
				for _, id := range c.ids {
					c.stores[id].Tick()
					for c.stores[id].Pass() {
					}
				}
				messages := c.messages
				c.messages = nil
				for _, m := range messages {
					c.deliver(m)
				}
				for c.stores[old].Pass() {
				}
				if status().Restoring {
					require.Greater(t, status().LastIndex, uint64(300))
				}
				tasks := c.tasks
				c.tasks = nil
				for _, task := range tasks {
					task()
				}
			}
			m := c.stores[old]
			m.log.Crash(keep)
			m.data.Crash(keep)
			m.Close()
			m.Store = nil
			c.restart(old)
			leader := c.leader()
			require.NoError(t, c.do(leader, put("last", "x")).Err)
			c.tick(30)
			require.Len(t, c.content(leader), 151)
			for _, id := range c.ids {
				require.Equal(t, c.content(leader), c.content(id), "store %d", id)
			}
		})
	}
}
