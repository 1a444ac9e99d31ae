// Package scheduler manages a cluster of stores and regions: it hands out ids and
// timestamps, learns from heartbeats where every region is, and orders the
// leaders of regions to change them, so that every region has as many peers as it
// should and all stores have about the same load.
//
// # Using it
//
// A Scheduler has one method per request of the service schedulerpb.Scheduler,
// and of schedulerpb.Admin, which is for people. What it refuses says so in the
// header of the response, and has changed nothing. A Go error means that the disk
// is broken: the caller must end, and open the scheduler again.
//
// The caller provides the engine and the clock, and calls Tick about every 100
// ms. The scheduler starts no goroutine, sets no timer, and draws no random
// number: what it does is a function of what it was opened with, of the requests
// and ticks in their order, and of what the clock said.
//
// # What is durable
//
// Before an answer leaves, what it promises is synced: ids and timestamps are
// never handed out twice, a bootstrapped cluster stays so, stores and settings
// are remembered, the safe point never goes back (state). Numbers are reserved in
// advance (window, oracle), so that not each of them costs a sync.
//
// Regions are written when their epoch changes, without a sync; they make a
// restart quicker. Everything else that heartbeats tell (leaders, sizes, pending
// peers, loads, signs of life) is forgotten with the process, and so are
// operators.
//
// # From a heartbeat to an order
//
// A leader sends a heartbeat of its region. If it is well-formed and not stale,
// the regions that it overlaps make way for it (regions). It moves the operator of
// the region on, as far as it shows that steps have taken effect (operator). A
// region without an operator is checked: does it have the right number of peers,
// on stores that are alive (checkReplicas)? Then the answer is the order of the
// operator's present step. The next heartbeat gets it again, as long as it does
// not show that the step has taken effect: an order or a heartbeat that is lost
// costs time and nothing else.
//
// Balancers run with each tick (balanceRegions, balanceLeaders), once all regions
// have sent a heartbeat. They look at the loads of stores, and start operators on
// regions that are well otherwise.
//
// # What always holds
//
//   - No two regions that are known overlap.
//   - A region has at most one operator. An operator never puts two peers of a
//     region on one store, never removes a region's last peer, and never adds a
//     peer to a store that is offline or disconnected.
//   - A region without a quorum on connected stores is not touched, except by hand.
//   - A tombstone never comes back.
package scheduler
