package grade_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// leak opens a descriptor that every child process inherits.
func leak(t *testing.T) {
	const fd = 200
	require.NoError(t, unix.Dup3(1, fd, 0))
	t.Cleanup(func() { unix.Close(fd) })
}
