"""The benchmarks that ship: what is fast is said by numbers that anybody can measure again, on their own machine."""
