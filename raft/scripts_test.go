package raft_test

import (
	"testing"

	"github.com/labkv/labkv/lab/play"
)

// TestScripts runs the stories of the playground, and every script in the folder
// testdata/scripts: put there what you save in the playground. It is not graded.
func TestScripts(t *testing.T) { play.Test(t, play.Tree{}, "testdata/scripts") }
