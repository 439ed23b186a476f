"""Large frames painted band by band."""
