//go:build !unix || solaris || aix

package grade

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

// lockDir stands for a lock where a directory cannot be locked: nothing is left to sweep
// then, as mine is never true.
func lockDir(string) (*os.File, error) { return os.Open(os.DevNull) }

func mine(string) bool { return false }
