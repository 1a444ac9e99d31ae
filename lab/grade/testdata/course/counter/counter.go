// Package counter counts.
//
// # Wear
//
//  1. A counter lasts for at least
//     twenty calls.
package counter

// Counter counts. The zero value is at zero.
type Counter struct {
	//lab:private
	n int
}

// Add adds one and returns the count, 0 if the counter is worn out.
//
//lab:implement 1
func (c *Counter) Add() int {
	c.n++
	return c.n
}

// Sum returns the sum of all counts.
//
//lab:implement 2A
func Sum(counters ...*Counter) int {
	sum := 0
	for _, c := range counters {
		sum += c.n
	}
	return sum
}
