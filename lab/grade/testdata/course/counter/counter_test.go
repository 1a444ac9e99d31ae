package counter_test

import (
	"testing"

	"example.com/counting/counter"
	"github.com/labkv/labkv/lab/graded"
)

// TestAdd1 adds twice and looks at what comes back.
func TestAdd1(t *testing.T) {
	graded.Test(t, graded.Claim{Text: "Add returns the count", Source: "the counter contract"}, func(t *graded.T) {
		var c counter.Counter
		for want := 1; want <= 2; want++ {
			if got := c.Add(); got != want {
				t.Fatalf("the count is %d after adding %d times", got, want)
			}
		}
	})
}

// TestAddSeeds1 adds as often as the seed says, or until the counter is worn out.
func TestAddSeeds1(t *testing.T) {
	graded.Seeds(t, graded.Claim{Text: "Add counts every call", Source: "the counter contract"}, 5, func(t *graded.T, seed uint64) uint64 {
		var c counter.Counter
		count := 0
		t.Goal("a counter passed nine", false)
		for range seed {
			if count = c.Add(); count == 0 {
				return 0
			}
			t.Goal("a counter passed nine", count > 9)
		}
		t.SetDigest(uint64(count))
		graded.Explain(t, "schedule", "add, again and again")
		if uint64(count) != seed {
			t.Fatalf("the count is %d after adding %d times", count, seed)
		}
		return uint64(count)
	})
}

func TestSum2A(t *testing.T) {
	graded.Test(t, graded.Claim{Text: "Sum adds up", Source: "the counter contract"}, func(t *graded.T) {
		var a, b counter.Counter
		a.Add()
		b.Add()
		if got := counter.Sum(&a, &b); got != 2 {
			t.Fatalf("one and one is %d", got)
		}
	})
}

func TestSumOfNone2A(t *testing.T) {
	graded.Test(t, graded.Claim{Text: "Sum of none is zero", Source: "the counter contract"}, func(t *graded.T) {
		if got := counter.Sum(); got != 0 {
			t.Fatalf("nothing is %d", got)
		}
	})
}

func TestSumKeeps2A(t *testing.T) {
	graded.Test(t, graded.Claim{Text: "Sum changes nothing", Source: "the counter contract"}, func(t *graded.T) {
		var c counter.Counter
		c.Add()
		counter.Sum(&c)
		if got := c.Add(); got != 2 {
			t.Fatalf("the count is %d after adding twice", got)
		}
	})
}
