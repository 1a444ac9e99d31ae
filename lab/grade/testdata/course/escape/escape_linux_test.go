package escape_test

import (
	"testing"

	"example.com/counting/escape"
)

func TestFork8(t *testing.T)          { denied(t, escape.Fork) }
func TestExec8(t *testing.T)          { denied(t, escape.Exec) }
func TestLeaveGroup8(t *testing.T)    { denied(t, escape.LeaveGroup) }
func TestAskParent8(t *testing.T)     { denied(t, escape.AskParent) }
func TestSignalParent8(t *testing.T)  { denied(t, escape.SignalParent) }
func TestSharedMemory8(t *testing.T)  { denied(t, escape.SharedMemory) }
func TestMemfd8(t *testing.T)         { denied(t, escape.Memfd) }
func TestMapShared8(t *testing.T)     { denied(t, escape.MapShared) }
func TestMapCode8(t *testing.T)       { denied(t, escape.MapCode) }
func TestMapLow8(t *testing.T)        { denied(t, escape.MapLow) }
func TestSymlink8(t *testing.T)       { denied(t, escape.Symlink) }
func TestLink8(t *testing.T)          { denied(t, escape.Link) }
func TestChmod8(t *testing.T)         { denied(t, escape.Chmod) }
func TestHideDirectory8(t *testing.T) { denied(t, escape.HideDirectory) }
func TestControl8(t *testing.T)       { denied(t, escape.Control) }
func TestLock8(t *testing.T)          { denied(t, escape.Lock) }
func TestPriority8(t *testing.T)      { denied(t, escape.Nice) }
func TestSurvive8(t *testing.T)       { denied(t, escape.Survive) }
func TestInherited8(t *testing.T)     { denied(t, escape.Inherited) }
func TestManyFiles8(t *testing.T)     { denied(t, escape.ManyFiles) }
func TestUnnamed8(t *testing.T)       { denied(t, escape.Unnamed) }
