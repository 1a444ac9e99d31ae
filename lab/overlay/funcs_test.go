package overlay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/labkv/labkv/lab/overlay"
)

const course = `
-- kv/server/raw.go --
package server

//lab:implement 1
func serve() error { return nil }
-- raft/b.go --
package raft

// becomeLeader makes r the leader (§8).
//
//	code
//
//lab:implement 2AA
func (r *Raft) becomeLeader() { println() }

// campaign is not marked.
func (r *Raft) campaign() {}
-- raft/a.go --
package raft

type Raft struct{}

//lab:implement 2AB quiet
func (r Raft) last() (uint64, bool) { return 1, true }

//lab:implement 2AB quiet
func (r Raft) nothing() { println() }
-- raft/a_test.go --
package raft
`

func TestFuncs(t *testing.T) {
	root := writeTree(t, txtar.Parse([]byte(course)).Files, "")
	tree := &overlay.Tree{Root: root, Dirs: []string{"raft", "kv/server"}, Stages: stages}
	want := []overlay.Func{
		{Name: "Raft.last", Stage: "2AB", Quiet: true, File: "raft/a.go", Line: 6},
		{Name: "Raft.nothing", Stage: "2AB", Quiet: true, File: "raft/a.go", Line: 9},
		{Name: "(*Raft).becomeLeader", Stage: "2AA", File: "raft/b.go", Line: 8, Doc: "becomeLeader makes r the leader (§8).\n\n\tcode"},
		{Name: "server.serve", Stage: "1", File: "kv/server/raw.go", Line: 4},
	}
	got, err := tree.Funcs()
	require.NoError(t, err)
	require.Equal(t, want, got)

	skeleton, err := tree.Skeleton(none, overlay.DropPrivate)
	require.NoError(t, err)
	for path, content := range skeleton {
		require.NoError(t, os.WriteFile(filepath.Join(root, path), content, 0o644))
	}
	got, err = tree.Funcs()
	require.NoError(t, err)
	for i, f := range got {
		require.True(t, f.TODO, f.Name)
		require.Equal(t, want[i].Name, f.Name)
	}
}

func TestFuncsTODO(t *testing.T) {
	tests := []struct {
		name, body string
		quiet      bool
		want       bool
	}{
		{"skeleton", `panic("TODO(2AA): implement raft.f")`, false, true},
		{"begun", "x := 1\n_ = x\nif x > 0 {\npanic(\"TODO(2AA): implement raft.f\")\n}\nreturn false", false, true},
		{"another panic", `panic("TODO(2AA): implement raft.g")`, false, false},
		{"written", "return true", false, false},
		{"quiet skeleton", "// TODO(2AA): implement raft.f. It does nothing yet.\nreturn false", true, true},
		{"quiet without the comment", "return false", true, false},
		{"quiet and begun", "// TODO(2AA): implement raft.f. It does nothing yet.\nreturn true", true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			directive := "//lab:implement 2AA"
			if test.quiet {
				directive += " quiet"
			}
			got, err := readTree(t, "package raft\n\n"+directive+"\nfunc f() bool {\n"+test.body+"\n}\n").Funcs()
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Equal(t, test.want, got[0].TODO)
		})
	}
}

func TestFuncsOfABrokenTree(t *testing.T) {
	broken := strings.Replace(course, "-- raft/a.go --\n", "-- raft/a.go --\nfunc {", 1)
	tree := &overlay.Tree{Root: writeTree(t, txtar.Parse([]byte(broken)).Files, ""), Dirs: []string{"raft", "kv/server"}, Stages: stages}
	got, err := tree.Funcs()
	require.EqualError(t, err, "raft/a.go:1: expected 'package', found 'func'")
	require.Len(t, got, 2, "what can be read is there")
}
