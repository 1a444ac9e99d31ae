//go:build mutant

// The counter is worn out before it has done its work.
//
//lab:mutant 1 counter
package counter

func (c *Counter) Add() int {
	if c.n == 9 {
		return 0
	}
	return c.Add_original()
}
