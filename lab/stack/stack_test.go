package stack_test

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/labkv/labkv/lab/stack"
	"github.com/stretchr/testify/require"
)

const printed = `SIGQUIT: quit
PC=0x46e0c1 m=0 sigcode=0

goroutine 12 gp=0xc0001 m=nil [chan receive (durable), 2 minutes, synctest bubble 2]:
runtime.gopark(0x1?)
	/usr/local/go/src/runtime/proc.go:435 +0xce fp=0x1 sp=0x2 pc=0x3
example.com/m/raft.(*Raft).Step(0xc0001, {0x1, 0x2})
	/src/raft/raft.go:88 +0x1f fp=0x1 sp=0x2 pc=0x3
example.com/m/raft_test.TestX.func1(...)
	/src/raft/raft_test.go:9
created by example.com/m/raft_test.TestX in goroutine 7
	/src/raft/raft_test.go:8 +0x3

goroutine 13 [select (no cases)]:
main.main()
	/elsewhere/main.go:3 +0x1
`

func TestParse(t *testing.T) {
	all := stack.Parse(strings.ReplaceAll(printed, "\n", "\r\n"), "/src")
	require.Len(t, all, 2)
	g := all[0]
	require.Equal(t, "12", g.ID)
	require.Equal(t, "waits to receive from a channel", g.Waits())
	require.Equal(t, "raft/raft.go:88  raft.(*Raft).Step\nraft/raft_test.go:9  raft_test.TestX.func1", stack.Text(g.Calls))
	require.Equal(t, g.Calls[:1], g.Of(stack.IsStudents))
	require.Equal(t, " in raft.(*Raft).Step (raft/raft.go:88)", stack.In(g.Calls))
	require.Empty(t, all[1].Calls)
	require.Contains(t, all[1].Waits(), "select without cases")
	require.Equal(t, "", stack.In(nil))
}

// The root is that of this tree, and calls in it are found.
func TestRoot(t *testing.T) {
	calls := stack.Parse(string(debug.Stack()), stack.Root)[0].Calls
	require.Equal(t, "stack_test.TestRoot", calls[0].Function)
	require.Equal(t, "lab/stack/stack_test.go", calls[0].File)
	require.Empty(t, stack.Students(string(debug.Stack())), "a test is not a student's")
}

// The files of a program that was built with -trimpath are below the module's path.
func TestParseTrimmed(t *testing.T) {
	trimmed := strings.ReplaceAll(printed, "/src/raft/", "example.com/m/raft/")
	require.Equal(t, stack.Parse(printed, "/src")[0].Calls, stack.Parse(trimmed, "/src", "example.com/m")[0].Calls)
	require.Empty(t, stack.Parse(trimmed, "/src")[0].Calls)
}

func TestText(t *testing.T) {
	even, odd, top := stack.Call{"m.even", "m.go", 1}, stack.Call{"m.odd", "m.go", 2}, stack.Call{"m.top", "m.go", 9}
	var deep []stack.Call
	for range 30 {
		deep = append(deep, even, odd)
	}
	require.Equal(t, "m.go:1  m.even\nm.go:2  m.odd\n(and these calls again and again)\nm.go:9  m.top", stack.Text(append(deep, top)))

	var long []stack.Call
	for i := range 20 {
		long = append(long, stack.Call{"m.f", "m.go", i})
	}
	require.Contains(t, stack.Text(long), "m.go:6  m.f\n… (11 lines left out)\nm.go:18  m.f")
}

func TestIsStudents(t *testing.T) {
	for file, want := range map[string]bool{
		"raft/raft.go": true, "kv/raftstore/peer.go": true, "lab/mutants/2aa/vote-twice.go": true,
		"raft/raft_test.go": false, "lab/rafttest/solo.go": false, "proto/eraftpb/eraftpb.pb.go": false,
	} {
		require.Equal(t, want, stack.IsStudents(file), file)
	}
}

// What a goroutine computes in is the call that it has not returned from.
func TestOuter(t *testing.T) {
	loop, later := stack.Call{"m.loop", "m.go", 5}, stack.Call{"m.loop", "m.go", 7}
	main := stack.Call{"m.main", "m.go", 1}
	a := []stack.Call{{"m.a", "m.go", 20}, loop, main}
	require.Equal(t, []stack.Call{loop, main}, stack.Outer(a, []stack.Call{{"m.b", "m.go", 30}, later, main}))
	require.Equal(t, a, stack.Outer(a, a))
	require.Empty(t, stack.Outer(a, nil))
}
