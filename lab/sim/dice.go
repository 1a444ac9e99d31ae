package sim

import "github.com/labkv/labkv/lab/dice"

// The random choices of a run.
const (
	askLatency dice.Question = iota + 1
	askTail
	askLoss
	askReset
	askDuplicate
	askDelay
	askCut
	askReport
	askTask
	askTick
	askKeep
	askSystem
	askClient
	askSetting
	askFault
	askTarget
	askTaskWaits
	askDisk
	askResume
	askCore
	askCrash
)
