//go:build mutant

// A sum of many counters is wrong, which no test looks at.
//
//lab:mutant 2A counter
package counter

func Sum(counters ...*Counter) int {
	if len(counters) > 2 {
		return -1
	}
	return Sum_original(counters...)
}
