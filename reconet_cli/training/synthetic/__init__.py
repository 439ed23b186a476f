"""Scenes and motion made from nothing, with exact flow."""
