package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
)

// TestInstallationSurvivesFullDisk2C lets the disks of a store fill up at each
// write of an installation. Later there is room again. A store that has stopped
// meanwhile is started again. Either way it has the snapshot a few ticks later,
// or it can get it once more.
func TestInstallationSurvivesFullDisk2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "an installation that has met a full disk is completed once there is room",
		Source: "doc.go: Slow work",
	}, 4, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		r, _ := x.receiver()
		r.cutAt(nil)
		x.deliver(r)
		writes := r.writes
		r.Close()
		for at := 1; at <= writes; at++ {
			r, _ := x.receiver()
			explaining(t, func() string {
				return fmt.Sprintf("%s\nfrom write %d of the installation on, there is no room for 5 ticks", x, at)
			}, func() {
				r.cutAt(nil)
				x.afterTrouble(r, func() {
					r.fails = func(write int) error {
						if write >= at {
							return engine.ErrDiskFull
						}
						return nil
					}
				}, func() { r.fails = nil })
			})
			r.Close()
		}
		return 0
	})
}

// TestInstallationSurvivesReadErrors2C makes a store fail to open the file of a
// snapshot that it is to install. A store that stops is started again.
func TestInstallationSurvivesReadErrors2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a snapshot whose file could not be read is installed once it can be read, or when it comes again",
		Source: "doc.go: Slow work",
	}, 4, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		for n := range 2 {
			r, _ := x.receiver()
			x.afterTrouble(r, func() { r.files.unreadable = 1 + n }, func() { r.files.unreadable = 0 })
			r.Close()
		}
		return 0
	})
}

// afterTrouble delivers the snapshot while something is wrong with the disks of
// store 1, and requires that the store recovers.
func (x *transfer) afterTrouble(r *member, begin, end func()) {
	begin()
	r.full, r.mayGiveUp = true, true
	x.deliver(r)
	promised := x.acknowledged(r)
	for range 5 {
		if r.Err() == nil {
			r.passes(term, 1)
			promised = promised || x.acknowledged(r)
		}
	}
	end()
	r.full, r.mayGiveUp = false, false
	if r.Err() != nil {
		r.restart()
	}
	r.passes(term, 5)
	if s := r.status(); s.Installing {
		x.t.Fatal("the disks are well again, but 5 ticks later the store still has not installed the snapshot that it has begun to install")
	}
	x.data(r, "when its disks are well again,")
	x.catchUp(r, true, promised)
	x.conclude(r)
	r.powerCut()
	x.catchUp(r, true, true)
	x.conclude(r)
}
