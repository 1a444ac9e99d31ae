//go:build mutant

// The count stays where it is.
//
//lab:mutant 1 counter
package counter

func (c *Counter) Add() int { return c.n }
