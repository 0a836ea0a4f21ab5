package main

func checkRecipes(string) (string, error) { return "", nil }
