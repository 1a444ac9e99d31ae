// Package fold shortens lists for people: what repeats is shown once, with how
// often it comes.
package fold

import (
	"fmt"
	"slices"
)

// A Run is a piece of a list that comes several times in a row: the items from
// From up to From+Length, Times times.
type Run struct{ From, Length, Times int }

// Runs divides items into runs, in order: every item is in one. No repeated piece
// is longer than longest. At each place it takes the piece that covers most.
func Runs[T comparable](items []T, longest int) []Run {
	var runs []Run
	for at := 0; at < len(items); {
		best := Run{at, 1, 1}
		for length := 1; length <= longest && at+2*length <= len(items); length++ {
			times := 1
			for repeats(items, at+times*length, length) {
				times++
			}
			if (times-1)*length > (best.Times-1)*best.Length {
				best = Run{at, length, times}
			}
		}
		runs = append(runs, best)
		at += best.Length * best.Times
	}
	return runs
}

// repeats reports whether the length items at at are those before them.
func repeats[T comparable](items []T, at, length int) bool {
	if at+length > len(items) {
		return false
	}
	for i := at; i < at+length; i++ {
		if items[i] != items[i-length] {
			return false
		}
	}
	return true
}

// Tail returns the run that items end with, where a piece that is repeated counts.
func Tail[T comparable](items []T, longest int) Run {
	if len(items) == 0 {
		return Run{}
	}
	backwards := slices.Clone(items)
	slices.Reverse(backwards)
	r := Runs(backwards, longest)[0]
	r.From = len(items) - r.Length*r.Times
	return r
}

// Lines returns lines with each run shown once. Runs that save nothing stay.
func Lines(lines []string, longest int) []string {
	var short []string
	for _, r := range Runs(lines, longest) {
		piece := lines[r.From : r.From+r.Length]
		switch {
		case r.Times == 1:
			short = append(short, piece...)
		case r.Length == 1:
			short = append(short, fmt.Sprintf("%s  (%d times)", piece[0], r.Times))
		default:
			short = append(short, piece...)
			short = append(short, fmt.Sprintf("(these %d lines come %d times in a row)", r.Length, r.Times))
		}
	}
	return short
}

// Middle returns lines with their middle left out, if there are more than head and
// tail of them.
func Middle(lines []string, head, tail int) []string {
	left := len(lines) - head - tail
	if left < 2 {
		return lines
	}
	short := append([]string{}, lines[:head]...)
	short = append(short, fmt.Sprintf("… (%d lines left out)", left))
	return append(short, lines[len(lines)-tail:]...)
}
