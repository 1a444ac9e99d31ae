package rafttest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/raft"
)

// limited is the reference with limits so tight that flow control is at work all
// the time.
type limited struct {
	reference
	limit func(c *raft.Config)
}

func (l limited) NewRawNode(c *raft.Config) (RawNode, error) {
	own := *c
	l.limit(&own)
	return raft.NewRawNode(&own)
}

func TestSchedulesWithTightLimits(t *testing.T) {
	for name, limit := range map[string]func(c *raft.Config){
		"one entry per message":     func(c *raft.Config) { c.MaxSizePerMsg = 1 },
		"one message in flight":     func(c *raft.Config) { c.MaxInflightMsgs = 1 },
		"few bytes, few messages":   func(c *raft.Config) { c.MaxSizePerMsg, c.MaxInflightMsgs = 100, 2 },
		"one entry applied at once": func(c *raft.Config) { c.MaxCommittedSizePerReady = 1 },
		"everything tight": func(c *raft.Config) {
			c.MaxSizePerMsg, c.MaxInflightMsgs, c.MaxCommittedSizePerReady = 1, 1, 50
		},
	} {
		t.Run(name, func(t *testing.T) {
			someSchedules(12*8, func(s scheduledTest, seed uint64) {
				v := perform(limited{limit: limit}, s.schedules(seed)[0]).violation
				require.Nil(t, v, "%s, seed %d: %+v", s.name, seed, v)
			})
		})
	}
}
