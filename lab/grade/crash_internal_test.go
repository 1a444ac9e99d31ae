package grade

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
)

// What the runtime prints is read the same way whatever ended the process.
func TestParseCrash(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	c, err := course.Load(root)
	require.NoError(t, err)
	const frames = "\ngoroutine 7 gp=0xc0001 m=0 mp=0x6d6e60 [running]:\n" +
		"runtime.throw({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:1 +0x1 fp=0x1 sp=0x2 pc=0x3\n" +
		"github.com/labkv/labkv/raft.(*Raft).Step(...)\n\tROOT/raft/raft.go:15 +0x2 fp=0x1 sp=0x2 pc=0x3\n" +
		"github.com/labkv/labkv/raft_test.TestVotes2AA.func1(0xc0002)\n\tROOT/raft/raft_test.go:9 +0x3 fp=0x1 sp=0x2 pc=0x3\n"
	for _, test := range []struct{ output, found, todo string }{
		{"fatal error: concurrent map writes\n" + frames, "fatal error: concurrent map writes, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"runtime: goroutine stack exceeds 67108864-byte limit\nfatal error: stack overflow\n" + frames, "endless recursion: a goroutine's stack grew to 64 MiB, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: close of closed channel [recovered, repanicked]\n" + frames, "panic: close of closed channel, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: one\n\tpanic: two\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n" + frames, "panic: one, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: (*raft.Raft) (0x6f84e7,0xc00012a000)\n" + frames, "panic: (*raft.Raft) (0x…,0x…), in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: TODO(2AA): implement (*Raft).Step\n" + frames, "panic: TODO(2AA): implement (*Raft).Step, in raft.(*Raft).Step (raft/raft.go:15)", "TODO(2AA): implement (*Raft).Step"},
		{"panic: TODO(2AA): implement (*Raft).Tick\n" + frames, "panic: TODO(2AA): implement (*Raft).Tick, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: TODO(7): implement (*Raft).Step\n" + frames, "panic: TODO(7): implement (*Raft).Step, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: TODO(me): think\n" + frames, "panic: TODO(me): think, in raft.(*Raft).Step (raft/raft.go:15)", ""},
		{"panic: nowhere\n\ngoroutine 1 [running]:\nmain.main()\n\t/elsewhere/main.go:1 +0x1\n", "panic: nowhere", ""},
	} {
		cr := parseCrash(c, strings.ReplaceAll(test.output, "ROOT", filepath.ToSlash(c.Root)))
		require.NotNil(t, cr, test.output)
		require.Equal(t, test.found, cr.told.Found())
		require.Equal(t, test.todo, cr.todo)
	}
	require.Nil(t, parseCrash(c, "PASS\n"))
}
