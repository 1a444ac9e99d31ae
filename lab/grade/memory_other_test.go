//go:build !linux

package grade_test

import "testing"

// useMemory does nothing here.
func useMemory(*testing.T) {}
