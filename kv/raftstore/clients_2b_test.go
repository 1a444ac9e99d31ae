package raftstore_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
)

// TestOneClient2B lets one client put, read, delete and scan while nothing goes
// wrong. Each answer must fit all answers before it, and in the end all stores
// hold the same data.
func TestOneClient2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a client reads what it has written",
		Source: "Raft §8",
	}, 1)
	sc.For = 3 * time.Second
	sim.Test(t, sc)
}

// TestOneStore2B is the same with a cluster of one store: it elects itself,
// commits alone, and has no other member to ask before a read. It is restarted
// now and then, and must have everything that it ever acknowledged.
func TestOneStore2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a store on its own serves, and loses nothing that it has acknowledged",
		Source: "Raft §5.2, §8",
	}, 3)
	sc.Stores = 1
	sc.Nemesis = sim.Crashes(1500 * ms)
	sc.Reach = []sim.Goal{sim.Crashed, sim.Restarted}
	sim.Test(t, sc)
}

// TestManyClients2B lets six clients work on the same keys at the same time.
// Some order of their operations, in which each takes effect between its
// request and its answer, must explain all answers.
func TestManyClients2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "reads and writes of many clients are linearizable",
		Source: "Raft §8",
	}, 6)
	sc.For = 2 * time.Second
	sim.Test(t, sc)
}

// TestSharedKeys2B lets eight clients work on two keys, so that several writes
// and reads of the same key are always under way at once, while requests,
// answers and messages between stores are late or lost. A client that gets no
// answer to its write does not know whether the write took effect. But the
// write must not take effect twice, nor after a read has shown that it did not.
func TestSharedKeys2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "operations on one key that overlap are linearizable, also those whose answer was lost",
		Source: "Raft §8",
	}, 0)
	sc.Clients = sim.Clients(8, kvload.Contends)
	sc.Nemesis = sim.Together(sim.UnreliableClients(), sim.Unreliable())
	sc.For = 3 * time.Second
	sc.Reach = []sim.Goal{sim.RequestLost, sim.ReplyLost, sim.UnknownOutcome}
	sim.Test(t, sc)
}
