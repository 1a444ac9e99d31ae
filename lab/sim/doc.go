// Package sim runs whole systems in a world of its own: virtual time, machines
// that crash, disks that lose what was not synced, a network that loses, delays,
// repeats and reorders, and clients that do not always hear what became of their
// requests. One run is a Scenario and a seed, and the same seed always gives the
// same run.
//
// # A test
//
//	func TestManyPartitionsManyClients2B(t *testing.T) {
//		sim.Test(t, sim.Scenario{
//			Claim:   graded.Claim{Text: "…", Source: "…"},
//			Seeds:   20,
//			System:  newSystem,
//			Stores:  5,
//			Clients: sim.Clients(5, kvload.PutsAndScans),
//			Finally: sim.Clients(1, kvload.ReadEverything),
//			Nemesis: sim.RandomPartitions(600 * time.Millisecond),
//			For:     15 * time.Second,
//			Check:   linearizable,
//			Reach:   []sim.Goal{sim.LeaderDeposed},
//		})
//	}
//
// A System says what runs on the machines: it boots Processes, which see the
// world through their Env and are driven from outside. It also says what must
// always hold, and when the system has recovered.
//
// # Why a seed replays
//
// One goroutine, the driver, takes one event after the other from an agenda that
// is ordered by time and, at the same time, by what the events are. After each it
// runs every process until none has anything left to do, and every goroutine
// until it waits. All of it happens in a testing/synctest bubble, so
// that timers and stray goroutines of the code under test are in virtual time,
// too. What is random is a function of the seed and of what it is about, see Dice:
// no choice depends on what was drawn before it.
//
// Code under test that uses the top-level functions of math/rand replays if the
// program has the setting randseednop=0, since each run seeds them; the functions
// of math/rand/v2 cannot be seeded. The order of a map matters only if it changes
// what is sent to one machine in one stream, or what is written.
//
// # Phases
//
// Until Scenario.For is over, things go wrong as the schedule says, and clients
// begin new operations. Then, in every other run with at least three machines, comes
// the core phase: a majority that the seed draws is well from now on, the others
// stay broken, and each client must be able to finish what it has begun. Then all
// faults end, machines that are down restart, and the system must recover: each
// client has finished, and the system says that it is settled. The clients of
// Scenario.Finally look at what is there. After that the machines are shut down, and
// no goroutine may be left.
//
// # Schedules
//
// A Schedule is data: the seed, a Setting, and a list of Faults. Nemeses make the
// faults from the seed. What goes wrong is printed with a failure, made as
// small as it gets, and ParseSchedule reads it back.
//
// # Operators
//
// Some faults are changes that people make to a system while it runs: members, leaders,
// splits, a store that is drained, a machine that loses its disks for good. A System that
// is an Operator carries them out, and tries until they are done or their time is over.
//
// Clients crash and stand still, too (CrashClient, PauseClient), at one of their calls: a
// client that has crashed begins again, and knows nothing.
//
// # What is a crash
//
// A crash ends an incarnation of a process at once, possibly in the middle of a
// write. Its engines and files return engine.ErrClosed from then on, what it sends
// goes nowhere, and its panics are swallowed. The next incarnation finds what the
// disks durably held. An incarnation that has crashed is closed, with everything
// of it gone already, so that its goroutines can end.
package sim
