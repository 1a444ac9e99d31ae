//go:build !unix

package main

// room returns nothing: the size of a disk is not known on this system.
func room(string) (capacity, available uint64, ok bool) { return 0, 0, false }
