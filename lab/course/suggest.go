package course

import "strings"

// closest returns the name that word is most likely a slip for, in either case:
// one that it begins, or else the one that the fewest edits make of it. It
// returns "" if no name is close. Of several the first counts.
func closest(word string, names []string) string {
	word = strings.ToLower(word)
	best, least := "", len(word)/3+1 // so many edits make another word
	for _, name := range names {
		lower := strings.ToLower(name)
		if len(word) >= 3 && strings.HasPrefix(lower, word) {
			return name
		}
		if n := edits(word, lower); n < least {
			best, least = name, n
		}
	}
	return best
}

// edits returns how many bytes have to be inserted, removed or replaced, or
// swapped with the next one, to make b of a.
func edits(a, b string) int {
	// Row i has, for each j, the edits from the first i bytes of a to the first j
	// of b.
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
				continue
			}
			n := 1 + min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1])
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, 1+rows[i-2][j-2])
			}
			rows[i][j] = n
		}
	}
	return rows[len(a)][len(b)]
}

// DidYouMean returns the end of an error about a word that is none of names:
// "; did you mean …?", or nothing if no name is close.
func DidYouMean(word string, names []string) string {
	if name := closest(word, names); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}
