package main

import "testing"

// The committed pages are what their sources come to.
func TestCommittedPages(t *testing.T) {
	t.Chdir("..")
	if err := run(true); err != nil {
		t.Error(err)
	}
}
