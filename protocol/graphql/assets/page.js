// Logs in with a user name and password, then shows GraphiQL. The token lives as long as the browser tab.
"use strict";
(() => {
  const KEY = "quarry-token";
  const login = document.getElementById("login");
  const form = login.querySelector("form");
  const alert = login.querySelector("[role=alert]");
  let token = sessionStorage.getItem(KEY);
  let root = null;

  const fetcher = async (parameters) => {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(parameters),
    });
    if (response.status === 401) askLogin("The login has ended. Log in again.");
    return response.json();
  };

  const show = () => {
    login.hidden = true;
    if (root) return;
    root = ReactDOM.createRoot(document.getElementById("graphiql"));
    root.render(React.createElement(GraphiQL, { fetcher, shouldPersistHeaders: false }));
  };

  const askLogin = (message) => {
    sessionStorage.removeItem(KEY);
    token = null;
    alert.textContent = message;
    login.hidden = false;
    form.elements.user.focus();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    alert.textContent = "";
    const body = JSON.stringify({ user: form.elements.user.value, password: form.elements.password.value });
    try {
      const response = await fetch("/api/v1/auth/login", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      const answer = await response.json();
      if (!response.ok || !answer.token) {
        alert.textContent = answer.error?.message ?? answer.message ?? answer.detail ?? "The login failed.";
        return;
      }
      token = answer.token;
      sessionStorage.setItem(KEY, token);
      form.elements.password.value = "";
      show();
    } catch (error) {
      alert.textContent = `The server does not answer: ${error.message}`;
    }
  });

  if (token) show();
  else askLogin("");
})();
