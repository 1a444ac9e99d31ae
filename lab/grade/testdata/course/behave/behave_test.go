package behave_test

import (
	"testing"

	"example.com/counting/behave"
	"github.com/labkv/labkv/lab/graded"
)

var claim = graded.Claim{Text: "it behaves", Source: "good manners"}

func TestPasses9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		if behave.Two() != 2 {
			t.Fatal("two is not 2")
		}
	})
}

func TestWrong9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		graded.Explain(t, "fate", "it was never right")
		t.Errorf("two is %d", behave.Two())
		t.Fatal("a second message")
	})
}

func TestPanics9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Index([]int{1, 2, 3}) })
}

func TestPanicsInGoroutine9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		done := make(chan bool)
		go func() {
			behave.Index(nil)
			close(done)
		}()
		<-done
	})
}

func TestTODO9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Todo() })
}

func TestGoexit9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Goexit() })
}

func TestLogFatal9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.LogFatal() })
}

func TestExitZero9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.ExitZero() })
}

func TestForges9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Forge() })
}

func TestRecovers9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		behave.Recover(func() {
			t.Error("noticed")
			panic("and thrown")
		})
	})
}

func TestDeadlock9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		go func() {
			for {
			}
		}()
		behave.Deadlock()
	})
}

func TestOverflow9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Overflow(1) })
}

func TestGreedy9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Greedy() })
}

func TestSkips9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { t.Skip("not today") })
}

func TestCleanup9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		t.Cleanup(func() { t.Error("left something behind") })
	})
}

// TestSilent9 forgot to report.
func TestSilent9(t *testing.T) {
	if behave.Two() != 2 {
		t.Fatal("two is not 2")
	}
}

func TestLowestSeed9(t *testing.T) {
	graded.Seeds(t, claim, 40, func(t *graded.T, seed uint64) uint64 {
		t.SetDigest(seed)
		if seed == 11 || seed == 12 || seed > 30 {
			t.Fatalf("seed %d is unlucky", seed)
		}
		return seed
	})
}

// TestOtherSeeds9 runs fewer seeds than it is asked to.
func TestOtherSeeds9(t *testing.T) {
	t.Setenv("LABKV_SEEDS", "1-2")
	graded.Seeds(t, claim, 2, func(t *graded.T, seed uint64) uint64 { return seed })
}

func TestPanicsInSubtest9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		t.Run("rows", func(t *graded.T) { new(behave.Table).Set("a") })
	})
}

func TestPanicsInCleanup9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		t.Cleanup(func() { behave.Index([]int{1}) })
	})
}

func TestPanicsInBubble9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		t.Bubble(func(t *graded.T) { behave.Index([]int{1, 2}) })
	})
}

func TestAsleepInBubble9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		t.Bubble(func(t *graded.T) { behave.Asleep(make(chan int)) })
	})
}

func TestPanicsInSeed9(t *testing.T) {
	graded.Seeds(t, claim, 4, func(t *graded.T, seed uint64) uint64 {
		if seed == 2 {
			behave.Index(make([]int, seed))
		}
		return seed
	})
}

func TestAsleep9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Asleep(make(chan int)) })
}

func TestComputes9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) { behave.Compute(7) })
}

func TestLocked9(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		go func() {
			for {
			}
		}()
		behave.Locked()
	})
}

// TestReachesGoal9 reaches its goal in one run, which shares its process with few others.
func TestReachesGoal9(t *testing.T) {
	graded.Seeds(t, claim, 20, func(t *graded.T, seed uint64) uint64 {
		t.Goal("it was twelve", seed == 12)
		return seed
	})
}

func TestMissesGoal9(t *testing.T) {
	graded.Seeds(t, claim, 20, func(t *graded.T, seed uint64) uint64 {
		t.Goal("it was twelve", seed == 12)
		t.Goal("it was thirty", seed == 30)
		return seed
	})
}
