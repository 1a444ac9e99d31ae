//go:build mutant

// The third call never comes back.
//
//lab:mutant 1 counter
package counter

func (c *Counter) Add() int {
	for c.n == 2 {
	}
	return c.Add_original()
}
