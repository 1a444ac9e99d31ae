package rafttest

import "github.com/labkv/labkv/lab/dice"

// The random choices of a run.
const (
	askElectionTimeout dice.Question = iota + 1
	askNetworkLatency
	askLoss
	askLossReported
	askDuplicate
	askDelay
	askDisk
	askApply
	askApplySync
	askSurvivingWrites
	askProposalTime
	askProposalTarget
	askProposalSize
	askLeaderless
	askTrailingEntries
	askSnapshotReport
	askClockRate
	askSetting
	askFault
)
