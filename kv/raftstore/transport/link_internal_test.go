package transport

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestMessagesThatMayWait sends appends without entries: they wait for another
// message to leave with, but not for long, and a later append to the same peer
// replaces them.
func TestMessagesThatMayWait(t *testing.T) {
	message := func(region uint64, kind eraftpb.MessageType, commit uint64, entries ...*eraftpb.Entry) *raftserverpb.RaftMessage {
		return &raftserverpb.RaftMessage{
			RegionId: region,
			ToPeer:   &metapb.Peer{Id: 20 + region, StoreId: 2},
			Message:  &eraftpb.Message{MsgType: kind, Commit: commit, Entries: entries},
		}
	}
	var (
		news1     = message(1, eraftpb.MessageType_MsgAppend, 5)
		newer1    = message(1, eraftpb.MessageType_MsgAppend, 6)
		entry1    = message(1, eraftpb.MessageType_MsgAppend, 6, &eraftpb.Entry{Index: 7})
		news2     = message(2, eraftpb.MessageType_MsgAppend, 3)
		heartbeat = message(1, eraftpb.MessageType_MsgHeartbeat, 6)
	)
	for _, c := range []struct {
		name       string
		send, want []*raftserverpb.RaftMessage
		wait       time.Duration
	}{
		{"alone", []*raftserverpb.RaftMessage{news1}, []*raftserverpb.RaftMessage{news1}, commitDelay},
		{"the newer one counts", []*raftserverpb.RaftMessage{news1, newer1}, []*raftserverpb.RaftMessage{newer1}, commitDelay},
		{"entries say it, too", []*raftserverpb.RaftMessage{news1, entry1}, []*raftserverpb.RaftMessage{entry1}, 0},
		{"entries that went before do not", []*raftserverpb.RaftMessage{entry1, newer1}, []*raftserverpb.RaftMessage{entry1, newer1}, 0},
		{"others take them along", []*raftserverpb.RaftMessage{news2, heartbeat}, []*raftserverpb.RaftMessage{heartbeat, news2}, 0},
		{"and do not replace those of another region", []*raftserverpb.RaftMessage{news2, entry1}, []*raftserverpb.RaftMessage{entry1, news2}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLink(&Transport{}, 2)
				begin := time.Now()
				for _, m := range c.send {
					l.send(m)
				}
				require.Equal(t, c.want, l.take(context.Background()))
				require.Equal(t, c.wait, time.Since(begin))

				ctx, cancel := context.WithTimeout(t.Context(), 10*commitDelay)
				defer cancel()
				require.Nil(t, l.take(ctx), "nothing is sent twice")
			})
		})
	}
}
