document.querySelector("#greeting").dataset.ran = "yes";
